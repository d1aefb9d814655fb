"""The processes of a deployment: granian and nginx, and the commands that start them."""
