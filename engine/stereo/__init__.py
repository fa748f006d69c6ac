"""Stereo: from a picture and its depth to two eyes that are comfortable to look at."""

from stereocast.engine.stereo.config import StereoConfig
from stereocast.engine.stereo.controls import Controls
from stereocast.engine.stereo.second_eye import SecondEye
from stereocast.engine.stereo.stage import StereoStage

__all__ = ["Controls", "SecondEye", "StereoConfig", "StereoStage"]
