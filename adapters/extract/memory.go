package extract

import (
	"os"
	"runtime/metrics"
	"sync"
	"time"
)

// memoryWatch ends the process when reading a document takes more memory than allowed. It is the layer that every operating
// system has; where address space can be limited too, that catches what grows faster than this looks.
type memoryWatch struct {
	limit uint64

	mu      sync.Mutex
	timer   *time.Timer
	running bool
}

const memoryTick = 20 * time.Millisecond

func watchMemory(limit int64) *memoryWatch {
	w := &memoryWatch{limit: uint64(max(limit, 0))}
	if limit > 0 {
		w.limit += memoryInUse()
		w.timer = time.AfterFunc(time.Hour, w.look)
		w.timer.Stop()
	}
	return w
}

func (w *memoryWatch) start() { w.set(true) }
func (w *memoryWatch) stop()  { w.set(false) }

func (w *memoryWatch) set(running bool) {
	if w.timer == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = running
	if running {
		w.timer.Reset(memoryTick)
	} else {
		w.timer.Stop()
	}
}

func (w *memoryWatch) look() {
	if memoryInUse() > w.limit {
		os.Exit(exitMemory)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running {
		w.timer.Reset(memoryTick)
	}
}

// memoryInUse is what the runtime has from the operating system and has not given back.
func memoryInUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
