"""Sources whose pictures come by themselves: screens, cameras, streams from the network.

A child process reads each of them (reader.py), because a read that hangs, or media that crash a
decoder, can only be ended by ending their process. Its newest picture lies in shared memory
(slots.py); source.py starts children, watches them and starts them again. How addresses are
understood is recipe.py. Nothing here but source.py needs torch.
"""
