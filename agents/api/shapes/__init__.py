"""What goes over the wire, by topic: `...Body` comes in, `...Shape` goes out."""
