"""What a person's or a vendor's text can make expensive runs here: bounded, in a process that can be killed."""
