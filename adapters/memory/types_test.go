package memory

import (
	"testing"

	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/typetest"
)

func TestTypesConformance(t *testing.T) {
	t.Parallel()
	typetest.Run(t, func(*testing.T) ports.TypeDetector { return Types{} })
}
