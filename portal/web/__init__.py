"""How the product speaks HTTP: errors, security headers, principals, fragments, strict bodies."""
