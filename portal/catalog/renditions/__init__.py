"""An API in the forms that programs read: code samples, a Postman collection, plain text, a feed."""
