"""Tools that know no business and no framework: time, money, tokens, strict JSON."""
