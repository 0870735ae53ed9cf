package classify_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/classifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	classifytest.Run(t, func(*testing.T) ports.Classifier { return classify.New(classify.Config{}) })
}
