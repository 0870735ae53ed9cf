// Package linear keeps the memory of WebAssembly instances for the next one. An instance begins with tens of megabytes, and a new
// allocation of that size costs more than all that is done with a small document: the system has to find and clear its pages.
package linear

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero/experimental"
)

// maxSpare is the most that is kept: what a large document needed is given back.
const maxSpare = 64 << 20

// Memory has the memory of instances that live one after the other. Its zero value is usable; it is safe for concurrent use, and instances
// that live beside each other get memory of their own.
type Memory struct {
	mu    sync.Mutex
	spare []byte // of the last instance, as that left it
}

// In returns a context in which modules are instantiated with such memory. All of it is zero when an instance gets it. A slice of it
// is no longer valid once the instance is closed.
func (m *Memory) In(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(uint64, uint64) experimental.LinearMemory {
		m.mu.Lock()
		defer m.mu.Unlock()
		b := &buffer{memory: m, bytes: m.spare[:0]}
		m.spare = nil
		return b
	}))
}

// buffer is the memory of one instance.
type buffer struct {
	memory *Memory
	bytes  []byte
}

// Reallocate makes the memory size bytes long.
func (b *buffer) Reallocate(size uint64) []byte {
	have := uint64(len(b.bytes))
	if size > uint64(cap(b.bytes)) {
		longer := make([]byte, size, size+size/4)
		copy(longer, b.bytes)
		b.bytes = longer
		return longer
	}
	b.bytes = b.bytes[:size]
	if size > have {
		clear(b.bytes[have:]) // of the instance before
	}
	return b.bytes
}

// Free keeps the memory for the next instance.
func (b *buffer) Free() {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	if b.bytes != nil && cap(b.bytes) <= maxSpare {
		b.memory.spare = b.bytes
	}
	b.bytes = nil
}
