"""`cornerman report`: what lies in a data folder, as one page for a browser."""
