package linear

import (
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/experimental"
)

func isZero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }

func TestNothingOfAnInstanceIsLeftForTheNext(t *testing.T) {
	t.Parallel()
	var m Memory
	for _, size := range []uint64{1000, 3000, 2000, 2500, 500, 9000} {
		b := &buffer{memory: &m, bytes: m.spare[:0]}
		m.spare = nil
		small := b.Reallocate(size / 2)
		if uint64(len(small)) != size/2 || !isZero(small) {
			t.Fatalf("%d bytes of %d, or not zero", len(small), size/2)
		}
		small[0] = 0xff
		large := b.Reallocate(size)
		if uint64(len(large)) != size || large[0] != 0xff || !isZero(large[1:]) {
			t.Fatalf("%d bytes of %d, or growing lost what was there, or it is not zero", len(large), size)
		}
		for i := range large[:cap(large)] {
			large[:cap(large)][i] = 0xff
		}
		b.Free()
		b.Free()
	}
}

func TestLargeMemoryIsGivenBack(t *testing.T) {
	t.Parallel()
	var m Memory
	b := &buffer{memory: &m}
	b.Reallocate(maxSpare + 1)
	b.Free()
	if m.spare != nil {
		t.Errorf("%d bytes are kept", cap(m.spare))
	}
}

var _ experimental.LinearMemory = (*buffer)(nil)
