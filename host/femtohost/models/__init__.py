"""Models of the hardware, one file a part. They know datasheets and nothing of the firmware."""
