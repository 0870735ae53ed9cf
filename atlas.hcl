# The stock Atlas command line on the same schema.hcl, for people who want its other tools. `docuvault schema` needs none
# of this: it applies schema.hcl itself, with grants, which Atlas does not give.
#
#   atlas schema apply   --env local --dry-run
#   atlas schema inspect --env local
#   atlas schema diff    --env local --from "postgres://…/docuvault?search_path=public" --to file://schema.hcl
#
# Both databases need the extension pg_trgm beforehand (CREATE EXTENSION pg_trgm). The dev database is one Atlas may fill and
# empty at will: never a real one. It comes from the environment because the images behind docker:// lack the extension.

variable "url" {
  type    = string
  default = getenv("DATABASE_MIGRATE_URL")
}

variable "dev" {
  type    = string
  default = getenv("ATLAS_DEV_URL")
}

locals {
  # A search path binds Atlas to one schema. Without it Atlas takes the whole database for its own, and drops and makes anew
  # the schema public where it plans on the dev database. The replacement reads addresses written for SQLAlchemy.
  url = urlqueryset(replace(replace(var.url, "+psycopg2:", ":"), "+psycopg:", ":"), "search_path", "public")
  dev = urlqueryset(replace(replace(var.dev, "+psycopg2:", ":"), "+psycopg:", ":"), "search_path", "public")
}

# A database on this machine, without TLS.
env "local" {
  src     = "file://schema.hcl"
  url     = urlqueryset(local.url, "sslmode", "disable")
  dev     = urlqueryset(local.dev, "sslmode", "disable")
  exclude = ["alembic_version"] # Alembic's own table, where the Python side made the database
}

# TLS as the address says (sslmode=…).
env "prod" {
  src     = "file://schema.hcl"
  url     = local.url
  dev     = local.dev
  exclude = ["alembic_version"]

  lint {
    destructive {
      error = true
    }
  }
}
