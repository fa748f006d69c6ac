"""How good the built-in depth network is: on held-out worlds, and on real stereo clips.

methods  what is compared: flat cues, the prior, the network, the network without memory and motion
scores   fits and errors                       worlds  held-out rendered worlds, static and moving
real     real stereo clips                     cost    CPU time of a frame
card     the model card, written from the numbers
"""
