"""The exceptions a user can meet. Each message says who, what was wanted, what came, what to do.

    StereocastError
    ├── ConfigError          an unknown key or an impossible value
    ├── MissingDependency    an optional package or library is needed and absent
    ├── SourceError          a source cannot be opened or read
    ├── EncodeError          an encoder or container refuses
    ├── WeightsError         weights do not belong to the network they are given to
    ├── ModelError           a model is unknown, not here, damaged or not to be had
    ├── PlanMismatch         a built network is damaged, or was built for something else
    ├── DeviceLost           a device failed and is lost to this process
    └── TransportError       an address, key or peer is not acceptable
        └── StreamRefused    a stream runs there and does not let this viewer in

Kernels raise ValueError and TypeError for wrong arguments. This module imports nothing, so that
processes without torch can use it.
"""


class StereocastError(Exception):
    """Anything the user can do something about; printed as one line."""


class ConfigError(StereocastError):
    """An unknown key or an impossible value in a configuration."""


class MissingDependency(StereocastError):
    """An optional package or system library is needed and absent."""


class SourceError(StereocastError):
    """A source cannot be opened, or fails while it is read."""


class EncodeError(StereocastError):
    """An encoder or a container refuses its input."""


class WeightsError(StereocastError):
    """Weights do not belong to the network they are given to."""


class PlanMismatch(StereocastError):
    """A built network is damaged, or was built for another model, program or device."""


class ModelError(StereocastError):
    """A model is unknown, not on this machine, damaged, or may not or cannot be fetched."""


class DeviceLost(StereocastError):
    """A device failed, and every later call of this process would fail: another one must go on."""


class TransportError(StereocastError):
    """An address, a key or a peer is not acceptable."""


class StreamRefused(TransportError):
    """A server answered, and will not have this viewer: it is full, or the two do not match."""
