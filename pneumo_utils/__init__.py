"""Shared helpers of the study: small rooms, one direction of flow. Importing it changes one thing, for OpenCV.

What a user has set for other programs would decide which radiographs are left out; OpenCV reads it when it is imported.
"""

import os

for _limit in ("PIXELS", "WIDTH", "HEIGHT"):
    os.environ.pop(f"OPENCV_IO_MAX_IMAGE_{_limit}", None)

__version__ = "0.1.0"
