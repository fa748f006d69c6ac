"""A window that shows the stream, for checking it on a desktop; owns pygame.

Needs the extra `view`; importing this module without it raises MissingDependency.
"""

from __future__ import annotations

import contextlib
import io

from av.video.frame import VideoFrame

from stereocast.engine.errors import MissingDependency
from stereocast.engine.layout import Layout
from stereocast.runtime.viewer.decode import rgb

try:
    with contextlib.redirect_stdout(io.StringIO()):  # pygame greets on import
        import pygame
except ImportError as error:
    raise MissingDependency(
        "--window needs pygame-ce: pip install 'stereocast[view]', or leave --window out"
    ) from error

_LARGEST_AT_START = (1600, 900)
_OVERLAY_COLOUR = (255, 255, 255)
_OVERLAY_SHADE = (0, 0, 0, 150)


class Window:
    """Shows packed pictures, or the left eye of them, scaled into a resizable window.

    e, space  left eye / both eyes      esc, q  close
    """

    def __init__(self, *, width: int, height: int, layout: Layout, title: str) -> None:
        pygame.display.init()
        pygame.font.init()
        scale = min(1.0, _LARGEST_AT_START[0] / width, _LARGEST_AT_START[1] / height)
        self._screen = pygame.display.set_mode(
            (max(1, round(width * scale)), max(1, round(height * scale))), pygame.RESIZABLE
        )
        pygame.display.set_caption(title)
        self._font = pygame.font.Font(None, 26)
        self._layout = layout
        self.left_eye_only = False
        self.is_closed = False

    def poll(self) -> None:
        """Handle what keyboard and window manager asked for since the last call."""
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key in (pygame.K_ESCAPE, pygame.K_q):
                self.is_closed = True
            elif key in (pygame.K_e, pygame.K_SPACE):
                self.left_eye_only = not self.left_eye_only

    def show(self, picture: VideoFrame, *, overlay: str) -> None:
        """Draw one picture with one line of text over its lower left corner, and flip."""
        screen_width, screen_height = self._screen.get_size()
        width, height = _fitted(self._shown_size(picture), (screen_width, screen_height))
        image = self._image(picture, width, height)
        self._screen.fill((0, 0, 0))
        self._screen.blit(image, ((screen_width - width) // 2, (screen_height - height) // 2))
        self._draw_overlay(overlay)
        pygame.display.flip()

    def close(self) -> None:
        """Close the window. May be called twice."""
        pygame.font.quit()
        pygame.display.quit()

    def _shown_size(self, picture: VideoFrame) -> tuple[int, int]:
        """Return (width, height) with the eye's true proportions."""
        eye_width = picture.width // (2 if self._layout is Layout.FULL_SBS else 1)
        if self.left_eye_only:
            return eye_width, picture.height
        return picture.width, picture.height

    def _image(self, picture: VideoFrame, width: int, height: int) -> pygame.Surface:
        # The left eye alone comes from the left half, so the picture is scaled to twice the width.
        whole_width = 2 * width if self.left_eye_only else width
        pixels = rgb(picture, whole_width, height).to_ndarray()
        whole = pygame.image.frombuffer(pixels.tobytes(), (whole_width, height), "RGB")
        return whole.subsurface((0, 0, width, height))

    def _draw_overlay(self, text: str) -> None:
        words = self._font.render(text, True, _OVERLAY_COLOUR)
        shade = pygame.Surface((words.get_width() + 16, words.get_height() + 10), pygame.SRCALPHA)
        shade.fill(_OVERLAY_SHADE)
        shade.blit(words, (8, 5))
        self._screen.blit(shade, (12, self._screen.get_height() - shade.get_height() - 12))


def _fitted(size: tuple[int, int], available: tuple[int, int]) -> tuple[int, int]:
    """Return the largest (width, height) of these proportions inside what is available."""
    scale = min(available[0] / size[0], available[1] / size[1])
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
