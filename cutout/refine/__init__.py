"""Steps that improve a matte, and what is put behind and around the result."""
