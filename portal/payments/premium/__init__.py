"""The platform's own premium plan (seed 003): monthly or yearly, bought like everything else, by an organisation."""
