"""What a line of a checkout sells: https://docs.stripe.com/api/products/object."""

from payments.sandbox.errors import Json


def of_item(item: Json) -> Json:
    """Products are described inline only, so one is known by the line that describes it."""
    price = item["price"]
    return {
        "id": price["product"],
        "object": "product",
        "active": False,
        "created": price["created"],
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": price["metadata"],
        "name": item["description"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": price["created"],
        "url": None,
    }
