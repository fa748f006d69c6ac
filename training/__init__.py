"""How weights come to be: rendered scenes, data, losses, trainers. Never runs beside a stream."""
