// Programs that use DocuVault as a library. A module of its own, so that it sees only what any other program sees.
module example.org/docuvault-examples

go 1.26.0

require github.com/docuvault/docuvault v0.0.0

require (
	github.com/google/uuid v1.6.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/docuvault/docuvault => ../..
