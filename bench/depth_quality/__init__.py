"""How true and how steady depth is: refiners on corrupted teachers, depth models on sequences.

clips       held-out worlds and what moves in them      methods   every refiner and baseline
measures    the metrics of one clip                     score     methods × clips
gates       what a refiner must pass                    strips    pictures to look at
tuning      settings of baselines     __main__ writes them
contours    where errors lie          (also a command)
folders     readers of recorded clips                   folder_run  depth models on one of them
"""
