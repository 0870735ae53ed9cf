package ocr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"
)

// host is what one instance sees of the world: its languages' files, to be read. There is no clock, no randomness, no environment
// and nothing to write to.
type host struct {
	files   map[string][]byte
	open    map[uint32]*bytes.Reader
	next    uint32
	starved bool // it asked for more memory than there is
}

type hostKey struct{}

func newHost(files map[string][]byte) *host {
	return &host{files: files, open: map[uint32]*bytes.Reader{}, next: 3}
}

func (h *host) in(ctx context.Context) context.Context { return context.WithValue(ctx, hostKey{}, h) }

// Error numbers as Emscripten has them, which are WASI's.
const (
	errnoBadFile   = 8
	errnoNoFile    = 44
	errnoNoCall    = 52
	errnoBadNumber = 28
)

// failed is a call's answer: minus the error number, as two's complement.
func failed(errno int32) uint64 { return api.EncodeI32(-errno) }

// errLongJump is how C's longjmp leaves the calls between it and its setjmp.
var errLongJump = errors.New("longjmp")

type call func(ctx context.Context, m api.Module, stack []uint64)

// imports are the functions that the engine asks for, by the names in this build. What is not here ends the instance when it is
// called: C++ exceptions, failed assertions, and what was left out of the build.
var imports = map[string]call{
	"t": func(context.Context, api.Module, []uint64) { panic(errLongJump) },
	"n": openFile,
	"m": closeFile,
	"o": readFile,
	"E": seekFile,
	"l": writeNothing,
	"K": statFile,
	"I": answer(failed(errnoNoFile)), // stat by name: the engine opens what it wants
	"p": answer(0),                   // fcntl
	"O": answer(failed(errnoNoCall)), // ioctl
	"H": answer(failed(errnoNoCall)), // getcwd
	"v": answer(failed(errnoNoFile)), // rmdir
	"w": answer(failed(errnoNoFile)), // unlink
	"x": answer(failed(errnoNoCall)), // mmap
	"z": answer(failed(errnoNoCall)), // munmap
	"F": answer(0),                   // environ_get
	"G": noEnvironment,
	"L": answer(0), // the time: always the first second of 1970, for the same bytes must give the same text
	"M": zeroTime,
	"A": answer(), "B": answer(), "C": answer(0), "D": answer(), // calendars, left at zero
	"Q": answer(),  // files packed into the build: none that are needed
	"s": answer(0), // progress
	"u": growMemory,
}

// jumping are the functions through which C code calls what may longjmp out.
const jumping = "bcdefghijqr"

// hostModule makes the module that the engine imports.
func hostModule(ctx context.Context, r wazero.Runtime, engine wazero.CompiledModule) error {
	b := r.NewHostModuleBuilder("a")
	for _, def := range engine.ImportedFunctions() {
		_, name, _ := def.Import()
		f, ok := imports[name]
		switch {
		case strings.Contains(jumping, name):
			f = invoke(def.ParamTypes()[1:], def.ResultTypes())
		case !ok:
			f = func(context.Context, api.Module, []uint64) { panic(fmt.Errorf("the engine called %s", name)) }
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f), def.ParamTypes(), def.ResultTypes()).Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// answer returns always the same.
func answer(results ...uint64) call {
	return func(_ context.Context, _ api.Module, stack []uint64) { copy(stack, results) }
}

// invoke calls the function whose place in the table is the first argument, and catches a longjmp out of it.
func invoke(params, results []api.ValueType) call {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		f := table.LookupFunction(m, 0, api.DecodeU32(stack[0]), params, results)
		var saved [2]uint64
		must(m.ExportedFunction(fnStackGet).CallWithStack(ctx, saved[:]))
		err := f.CallWithStack(ctx, stack[1:])
		switch {
		case errors.Is(err, errLongJump):
			must(m.ExportedFunction(fnStackSet).CallWithStack(ctx, saved[:]))
			saved = [2]uint64{1, 0}
			must(m.ExportedFunction(fnSetThrew).CallWithStack(ctx, saved[:]))
		case err != nil:
			panic(err)
		}
		copy(stack, stack[1:])
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func hostOf(ctx context.Context) *host { return ctx.Value(hostKey{}).(*host) }

// openFile is openat(folder, name, flags, …): only the languages' data is there.
func openFile(ctx context.Context, m api.Module, stack []uint64) {
	h := hostOf(ctx)
	data, ok := h.files[path.Base(text(m, api.DecodeU32(stack[1]), maxName))]
	const reading = 3 // the bits of the flags that say reading, writing or both
	if !ok || stack[2]&reading != 0 {
		stack[0] = failed(errnoNoFile)
		return
	}
	h.open[h.next] = bytes.NewReader(data)
	stack[0] = api.EncodeU32(h.next)
	h.next++
}

func closeFile(ctx context.Context, _ api.Module, stack []uint64) {
	delete(hostOf(ctx).open, api.DecodeU32(stack[0]))
	stack[0] = 0
}

// readFile is fd_read(file, vectors, number of vectors, where to write the number of bytes read).
func readFile(ctx context.Context, m api.Module, stack []uint64) {
	f, ok := hostOf(ctx).open[api.DecodeU32(stack[0])]
	if !ok {
		stack[0] = errnoBadFile
		return
	}
	total := 0
	for _, into := range vectors(m, stack) {
		n, _ := f.Read(into)
		total += n
	}
	write(m, api.DecodeU32(stack[3]), uint32(total))
	stack[0] = 0
}

// writeNothing is fd_write: what the engine prints about a document is nobody's business.
func writeNothing(_ context.Context, m api.Module, stack []uint64) {
	total := 0
	for _, from := range vectors(m, stack) {
		total += len(from)
	}
	write(m, api.DecodeU32(stack[3]), uint32(total))
	stack[0] = 0
}

// vectors returns the pieces of memory that an array of addresses and lengths in stack[1] and stack[2] names.
func vectors(m api.Module, stack []uint64) [][]byte {
	var pieces [][]byte
	for i := range api.DecodeU32(stack[2]) {
		at := api.DecodeU32(stack[1]) + 8*i
		piece, ok := m.Memory().Read(read(m, at), read(m, at+4))
		if !ok {
			panic(errMemory)
		}
		pieces = append(pieces, piece)
	}
	return pieces
}

// seekFile is fd_seek(file, offset, whence, where to write the new offset).
func seekFile(ctx context.Context, m api.Module, stack []uint64) {
	f, ok := hostOf(ctx).open[api.DecodeU32(stack[0])]
	if !ok {
		stack[0] = errnoBadFile
		return
	}
	at, err := f.Seek(int64(stack[1]), int(api.DecodeI32(stack[2])))
	if err != nil {
		stack[0] = errnoBadNumber
		return
	}
	if !m.Memory().WriteUint64Le(api.DecodeU32(stack[3]), uint64(at)) {
		panic(errMemory)
	}
	stack[0] = 0
}

// statFile is fstat(file, where to write what is known): that it is a plain file of some size.
func statFile(ctx context.Context, m api.Module, stack []uint64) {
	f, ok := hostOf(ctx).open[api.DecodeU32(stack[0])]
	if !ok {
		stack[0] = failed(errnoBadFile)
		return
	}
	const plain, mode, size, length = 0o100444, 4, 24, 96
	stat := make([]byte, length)
	binary.LittleEndian.PutUint32(stat[mode:], plain)
	binary.LittleEndian.PutUint64(stat[size:], uint64(f.Size()))
	if !m.Memory().Write(api.DecodeU32(stack[1]), stat) {
		panic(errMemory)
	}
	stack[0] = 0
}

func noEnvironment(_ context.Context, m api.Module, stack []uint64) {
	write(m, api.DecodeU32(stack[0]), 0)
	write(m, api.DecodeU32(stack[1]), 0)
	stack[0] = 0
}

func zeroTime(_ context.Context, m api.Module, stack []uint64) {
	if !m.Memory().WriteUint64Le(api.DecodeU32(stack[2]), 0) {
		panic(errMemory)
	}
	stack[0] = 0
}

// growMemory is emscripten_resize_heap(bytes): it makes the memory larger, by more than asked so that it is not asked often.
func growMemory(ctx context.Context, m api.Module, stack []uint64) {
	const pageSize = 64 << 10
	have, want := uint64(m.Memory().Size()), uint64(api.DecodeU32(stack[0]))
	for _, target := range []uint64{max(want, have+have/5), want} {
		pages := (target + pageSize - 1 - have) / pageSize
		if _, ok := m.Memory().Grow(uint32(pages)); ok {
			stack[0] = 1
			return
		}
	}
	hostOf(ctx).starved = true
	stack[0] = 0
}

var errMemory = errors.New("an address beyond the engine's memory")

// maxName is the longest file name that the engine may ask for.
const maxName = 4 << 10

// text reads a string that ends with a zero byte.
func text(m api.Module, at uint32, most int) string {
	if most = min(most, int(m.Memory().Size())-int(at)); most < 0 {
		panic(errMemory)
	}
	b, _ := m.Memory().Read(at, uint32(most))
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		panic(io.ErrUnexpectedEOF)
	}
	return string(b[:end])
}

func read(m api.Module, at uint32) uint32 {
	v, ok := m.Memory().ReadUint32Le(at)
	if !ok {
		panic(errMemory)
	}
	return v
}

func write(m api.Module, at, v uint32) {
	if !m.Memory().WriteUint32Le(at, v) {
		panic(errMemory)
	}
}
