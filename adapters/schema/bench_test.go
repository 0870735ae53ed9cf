package schema_test

import (
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

// BenchmarkApplyNothing is what every replica's start costs once the schema is there.
func BenchmarkApplyNothing(b *testing.B) {
	db := open(b, testenv.Schema(b).MigrateDSN)
	s := read(b, "")
	apply(b, s, db)
	for b.Loop() {
		apply(b, s, db)
	}
}
