//go:build unix

package testenv_test

import (
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Roles{"echo": echo, "hang": hang, "servers": servers})
}
