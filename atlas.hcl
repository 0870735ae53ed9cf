# The stock Atlas command line on the same schema.hcl, for people who want its other tools. `docuvault schema` needs none
# of this: it applies schema.hcl itself, with grants, which Atlas does not give.
#
#   atlas schema apply   --env local --dry-run
#   atlas schema diff    --env local --from env://url --to env://src
#   atlas schema inspect --env local
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
  # search_path binds Atlas to one schema. Without it Atlas takes the whole database for its own and, on an empty plan for
  # public, drops and makes that schema anew.
  url = urlsetquery(var.url, { search_path = "public" })
  dev = urlsetquery(var.dev, { search_path = "public" })
}

env "local" {
  src = "file://schema.hcl"
  url = urlsetquery(local.url, { sslmode = "disable" })
  dev = urlsetquery(local.dev, { sslmode = "disable" })
}

env "prod" {
  src = "file://schema.hcl"
  url = local.url
  dev = local.dev

  lint {
    destructive {
      error = true
    }
  }
}
