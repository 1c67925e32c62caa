# What a router may do in Vault: read its providers' keys, and nothing else. Written for the KV engine, version 2,
# mounted at secret/; a role's token also has Vault's policy `default`, by which it renews and revokes itself.

path "secret/data/hedgerow/*" {
  capabilities = ["read"]
}

# So that a version is looked at instead of the secret itself. Without it the secret is read each time.
path "secret/metadata/hedgerow/*" {
  capabilities = ["read"]
}

# With dynamic engines: the credentials of a role, and to end their leases when the router stops.
path "database/creds/hedgerow" {
  capabilities = ["read"]
}
path "sys/leases/revoke" {
  capabilities = ["update"]
}
