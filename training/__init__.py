"""How weights come to be: rendered scenes, data sets, losses, trainers. Never runs beside a stream."""
