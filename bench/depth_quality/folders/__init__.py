"""Depth clips in folders as their makers lay them out: RGB, depth, pose and intrinsics.

frame  what is read     files, pictures  outside bytes, checked     layouts  names, and guessing
tum    bonn  scannet  kitti  sintel  nyu  manifest: one reader for each
"""
