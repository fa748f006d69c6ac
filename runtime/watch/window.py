"""A window that shows the stream, for checking it on a desktop; owns pygame.

Needs the extra `view`; importing this module without it raises MissingDependency.
"""

from __future__ import annotations

import contextlib
import io
import time

from stereocast.engine.errors import ConfigError, MissingDependency
from stereocast.engine.layout import View
from stereocast.runtime.watch.outputs import Heard, Shown
from stereocast.runtime.watch.view import view_pixels, view_size

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
    """An output that shows a view of packed pictures in a resizable window.

    e, space  left eye / as it comes      v  next view      esc, q  close

    Where a layout keeps no eyes, every view shows the picture as it comes.
    """

    presents = True

    def __init__(self, *, width: int, height: int, title: str, view: View = View.PACKED) -> None:
        """Open it for views of this size; ConfigError where there is no screen."""
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
        self.view = view
        self.is_finished = False

    def take(self, shown: Shown) -> None:
        """Draw one picture as large as it fits, with rate and age below, and flip."""
        available = self._screen.get_size()
        layout, picture = shown.frame.layout, shown.picture
        view = self.view if layout.keeps_both_eyes else View.PACKED
        natural = view_size(view, layout, picture.width, picture.height)
        width, height = size = _fitted(natural, available)
        pixels = view_pixels(picture, layout, view, size=size)
        self._screen.fill((0, 0, 0))
        self._screen.blit(
            pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB"),
            ((available[0] - width) // 2, (available[1] - height) // 2),
        )
        self._draw_text(shown.pace.caption(time.monotonic_ns()))
        pygame.display.flip()

    def hear(self, heard: Heard) -> None:
        """The window is silent: the page plays sound, and recordings keep it."""

    def idle(self) -> None:
        """Do what keyboard and window manager asked for since the last call."""
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key in (pygame.K_ESCAPE, pygame.K_q):
                self.is_finished = True
            elif key in (pygame.K_e, pygame.K_SPACE):
                self.view = View.PACKED if self.view is View.LEFT else View.LEFT
            elif key == pygame.K_v:
                views = list(View)
                self.view = views[(views.index(self.view) + 1) % len(views)]

    def close(self) -> None:
        """Close the window. May be called twice."""
        pygame.font.quit()
        pygame.display.quit()

    def _draw_text(self, text: str) -> None:
        words = self._font.render(text, True, _TEXT_COLOUR)
        shade = pygame.Surface((words.get_width() + 16, words.get_height() + 10), pygame.SRCALPHA)
        shade.fill(_TEXT_SHADE)
        shade.blit(words, (8, 5))
        self._screen.blit(shade, (12, self._screen.get_height() - shade.get_height() - 12))


def _fitted(size: tuple[int, int], available: tuple[int, int]) -> tuple[int, int]:
    """Return the largest even (width, height) of these proportions inside what is available."""
    scale = min(available[0] / size[0], available[1] / size[1])
    return max(2, 2 * round(size[0] * scale / 2)), max(2, 2 * round(size[1] * scale / 2))
