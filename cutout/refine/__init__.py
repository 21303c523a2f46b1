"""Steps that improve a matte: alpha in, alpha out."""
