package extract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/filetype"
)

// misbehave is the argument that makes the test binary a worker whose parser does what parsers must not.
const misbehave = "extract-worker-misbehaving"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case WorkerCommand:
			os.Exit(Main(filetype.New()))
		case misbehave:
			os.Exit(serve(os.Stdin, os.Stdout, os.Stderr, func(h hello, w *worker) documentReader {
				return badReader{formats.New(h.Limits, h.Setup, filetype.New(), w.log), h.Setup.CacheDir}
			}))
		case fakeOffice:
			os.Exit(playOffice(os.Args[2:]))
		case unconfined:
			os.Exit(unconfinedWorker())
		case parentRole:
			os.Exit(parentThatHangs())
		case watchAlone:
			os.Exit(hogWatched())
		case confineAlone:
			os.Exit(hogConfined())
		case "some-other-program":
			fmt.Println("hello, I am no worker")
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

// parentRole is the argument that makes the test binary a parent, to be killed by a test.
const parentRole = "extract-parent"

// parentThatHangs reports its child's id and then has it read for ever.
func parentThatHangs() int {
	self, err := os.Executable()
	if err != nil {
		return 1
	}
	x, err := New(Config{Command: []string{self, misbehave}, CacheDir: "-", Children: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		return 1
	}
	x.reads[testSelf], x.reads[testHang] = true, true
	got, err := x.Extract(context.Background(), source(testSelf, "x"))
	if err != nil {
		return 1
	}
	fmt.Println(got.Text)
	_, _ = x.Extract(context.Background(), source(testHang, "x"))
	return 1
}

// Arguments that make the test binary a process with one of the two limits on memory and without the other. It ends by itself,
// with 0, after taking many times what it may.
const (
	watchAlone   = "extract-memory-watch"
	confineAlone = "extract-address-space"
)

const allowed = 64 << 20

func hogWatched() int {
	watchMemory(allowed).start()
	var all [][]byte
	for len(all) < 32 {
		all = append(all, filled(allowed/2))
		<-time.After(2 * memoryTick) // slower than the watch looks, however slow the machine is
	}
	return 0
}

func hogConfined() int {
	layers := confine(hello{Memory: allowed}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	fmt.Println(layers)
	if !slices.Contains(layers, "address_space") {
		return 0
	}
	reserved := make([]byte, 64*allowed) // addresses alone: it is not written to
	runtime.KeepAlive(reserved)
	return 0
}

// Content types that a badReader does something bad for.
const (
	testHang      = "test/hang"
	testSpin      = "test/spin"
	testCrash     = "test/crash"
	testExit      = "test/exit"
	testOverflow  = "test/overflow"
	testHog       = "test/hog"
	testHogAtOnce = "test/hog-at-once"
	testLie       = "test/lie"
	testLong      = "test/long"
	testSelf      = "test/self"
	testFault     = "test/fault"
	testProbe     = "test/probe"
)

func badTypes() []string {
	return []string{testHang, testSpin, testCrash, testExit, testOverflow, testHog, testHogAtOnce, testLie, testLong, testSelf, testFault, testProbe}
}

type badReader struct {
	*formats.Reader
	cacheDir string
}

// Warm notes that it was called, instead of compiling.
func (r badReader) Warm(engines formats.Engines) error {
	if engines == 0 {
		return nil
	}
	f, err := os.CreateTemp(r.cacheDir, "warmed-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close())
}

func (r badReader) Read(contentType string, data []byte) (formats.Result, error) {
	switch contentType {
	case testHang:
		select {}
	case testSpin:
		for {
			data = append(data[:0], data...)
		}
	case testCrash:
		var nothing *badReader
		done := make(chan bool)
		go func() { done <- nothing.Reader != nil }() // in another goroutine nobody recovers
		<-done
	case testExit:
		os.Exit(0)
	case testOverflow:
		return formats.Result{}, fmt.Errorf("depth %d", overflow(1))
	case testHog:
		var all [][]byte
		for {
			all = append(all, filled(1<<20)) //nolint:staticcheck // it is there to take room
		}
	case testHogAtOnce:
		return formats.Result{Text: string(filled(1 << 40)[:1])}, nil
	case testLie:
		return formats.Result{Text: "a\x00b\xff"}, nil
	case testLong:
		return formats.Result{Text: strings.Repeat("x", 100<<20)}, nil
	case testFault:
		return formats.Result{}, fmt.Errorf("the engine is missing")
	case testProbe:
		return formats.Result{Text: probe()}, nil
	case testSelf:
		return formats.Result{Text: self()}, nil
	}
	return r.Reader.Read(contentType, data)
}

func overflow(n int) int {
	if n == 0 {
		return 0
	}
	return overflow(n+1) + n
}

func filled(n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	return b
}

// self is the child's process id: what else it has is looked at from outside.
func self() string { return fmt.Sprintf("pid=%d", os.Getpid()) }

// unconfined is the argument that makes the test binary a worker that has no limits set.
const unconfined = "extract-worker-unconfined"

func unconfinedWorker() int {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var h hello
	if readMessage(in, &h) != nil || writeMessage(out, ready{Magic: magic}) != nil || out.Flush() != nil {
		return exitProtocol
	}
	_, _ = in.ReadByte()
	return exitDone
}

// fakeOffice is the argument that makes the test binary behave like LibreOffice: what it has to do follows.
const fakeOffice = "fake-office"
