"""What the product needs from the outside, in the product's own words. Adapters supply it; `wiring` plugs them in."""
