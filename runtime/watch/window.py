"""A window that shows the stream, for checking it on a desktop; owns pygame.

Needs the extra `view`; importing this module without it raises MissingDependency.
"""

from __future__ import annotations

import contextlib
import io
import time

from stereocast.engine.errors import ConfigError, MissingDependency
from stereocast.engine.layout import Layout
from stereocast.runtime.watch.decode import rgb
from stereocast.runtime.watch.outputs import Shown

try:
    with contextlib.redirect_stdout(io.StringIO()):  # pygame greets on import
        import pygame
except ImportError as error:
    raise MissingDependency(
        "--window needs pygame-ce: pip install 'stereocast[view]', or leave --window out"
    ) from error

_LARGEST_AT_START = (1600, 900)
_TEXT_COLOUR = (255, 255, 255)
_TEXT_SHADE = (0, 0, 0, 150)


class Window:
    """An output that shows packed pictures, or the left eye of them, in a resizable window.

    e, space  left eye / both eyes      esc, q  close
    """

    presents = True

    def __init__(self, *, width: int, height: int, title: str) -> None:
        """Open it for packed pictures of this size; ConfigError where there is no screen."""
        scale = min(1.0, _LARGEST_AT_START[0] / width, _LARGEST_AT_START[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        try:
            pygame.display.init()
            self._screen = pygame.display.set_mode(size, pygame.RESIZABLE)
        except pygame.error as error:
            raise ConfigError(
                f"--window: no window can be opened here ({error}); "
                "without a screen use --snapshot or --record"
            ) from error
        pygame.font.init()
        pygame.display.set_caption(title)
        self._font = pygame.font.Font(None, 26)
        self.left_eye_only = False
        self.is_finished = False

    def take(self, shown: Shown) -> None:
        """Draw one picture as large as it fits, with rate and age below, and flip."""
        available = self._screen.get_size()
        width, height = _fitted(self._shown_size(shown), available)
        self._screen.fill((0, 0, 0))
        self._screen.blit(
            self._image(shown, width, height),
            ((available[0] - width) // 2, (available[1] - height) // 2),
        )
        self._draw_text(shown.pace.caption(time.monotonic_ns()))
        pygame.display.flip()

    def idle(self) -> None:
        """Do what keyboard and window manager asked for since the last call."""
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key in (pygame.K_ESCAPE, pygame.K_q):
                self.is_finished = True
            elif key in (pygame.K_e, pygame.K_SPACE):
                self.left_eye_only = not self.left_eye_only

    def close(self) -> None:
        """Close the window. May be called twice."""
        pygame.font.quit()
        pygame.display.quit()

    def _shown_size(self, shown: Shown) -> tuple[int, int]:
        """Return (width, height) of what is shown; a single eye has its true proportions."""
        picture = shown.picture
        if not self.left_eye_only:
            return picture.width, picture.height
        halves = 2 if shown.frame.layout is Layout.FULL_SBS else 1
        return picture.width // halves, picture.height

    def _image(self, shown: Shown, width: int, height: int) -> pygame.Surface:
        # The left eye is the left half of a picture that is scaled to twice the width.
        whole_width = 2 * width if self.left_eye_only else width
        pixels = rgb(shown.picture, whole_width, height).to_ndarray()
        whole = pygame.image.frombuffer(pixels.tobytes(), (whole_width, height), "RGB")
        return whole.subsurface((0, 0, width, height))

    def _draw_text(self, text: str) -> None:
        words = self._font.render(text, True, _TEXT_COLOUR)
        shade = pygame.Surface((words.get_width() + 16, words.get_height() + 10), pygame.SRCALPHA)
        shade.fill(_TEXT_SHADE)
        shade.blit(words, (8, 5))
        self._screen.blit(shade, (12, self._screen.get_height() - shade.get_height() - 12))


def _fitted(size: tuple[int, int], available: tuple[int, int]) -> tuple[int, int]:
    """Return the largest (width, height) of these proportions inside what is available."""
    scale = min(available[0] / size[0], available[1] / size[1])
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
