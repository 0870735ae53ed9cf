// Package ocr reads the text in pictures of pages, by Tesseract as WebAssembly: there is nothing to install, and pictures made by
// strangers meet no native parser. Same pixels, same text.
//
// The caller decodes pictures and bounds their size. The package holds the engine in memory that no document shares with another:
// each gets an instance of its own.
package ocr

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/docuvault/docuvault/adapters/extract/linear"
)

// memoryPages is the most memory of an instance, in WebAssembly pages of 64 KiB: 512 MiB.
const memoryPages = 8192

// What the engine exports, by the names in this build. Comments give the names in tesseract/baseapi.h.
const (
	fnInit       = "U" // runs the constructors of static objects
	fnMalloc     = "xf"
	fnFree       = "wf"
	fnSetThrew   = "Af"
	fnStackSet   = "Bf"
	fnStackGet   = "Cf"
	fnNew        = "Kc" // TessBaseAPI()
	fnStart      = "ad" // Init(folder, languages, engine mode)
	fnMode       = "gd" // SetPageSegMode
	fnImage      = "ld" // SetImage(pixels, width, height, bytes per pixel, bytes per line, orientation, angle)
	fnResolution = "nd" // SetSourceResolution
	fnRecognize  = "Ed" // Recognize
	fnText       = "Id" // GetUTF8Text
	fnConfidence = "Pd" // MeanTextConf
	fnClear      = "Rd" // Clear
)

// ErrMemory means that a picture needed more memory than an instance may have.
var ErrMemory = errors.New("the picture needs too much memory")

// Engine is the compiled program with its languages. It makes instances one at a time.
type Engine struct {
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
	files    map[string][]byte
	names    string
	memory   linear.Memory
}

// Load compiles the engine, or takes its code from cacheDir, and reads the languages' data. After that it needs no file and makes
// no code. An empty cacheDir means compiling, which takes seconds.
func Load(ctx context.Context, languages Languages, cacheDir string) (*Engine, error) {
	files, err := languages.load()
	if err != nil {
		return nil, err
	}
	e := &Engine{files: files, names: languages.String()}
	// Calls are not tied to a context on purpose: that slows everything down several times. The deadline is the process's.
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesThreads).WithMemoryLimitPages(memoryPages)
	if cacheDir != "" {
		// A cache that cannot be used costs time, not documents.
		if e.cache, err = wazero.NewCompilationCacheWithDir(filepath.Clean(cacheDir)); err == nil {
			config = config.WithCompilationCache(e.cache)
		}
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if e.compiled, err = e.runtime.CompileModule(ctx, program); err == nil {
		err = hostModule(ctx, e.runtime, e.compiled)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load Tesseract: %w", err), e.Close(ctx))
	}
	return e, nil
}

// Close frees the engine.
func (e *Engine) Close(ctx context.Context) error {
	err := e.runtime.Close(ctx)
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(ctx))
	}
	return err
}

// Instance reads the pages of one document. After an error it reads no more.
type Instance struct {
	ctx    context.Context //nolint:containedctx // it carries the host's state into the engine's calls, and nothing that ends
	host   *host
	module api.Module
	api    uint64 // the address of the TessBaseAPI
}

// Open makes an instance, which takes some tens of milliseconds.
func (e *Engine) Open(ctx context.Context) (*Instance, error) {
	h := newHost(e.files)
	ctx = e.memory.In(h.in(ctx))
	module, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("instantiate Tesseract: %w", err)
	}
	i := &Instance{ctx: ctx, host: h, module: module}
	if err := i.start(e.names); err != nil {
		return nil, errors.Join(fmt.Errorf("start Tesseract: %w", err), i.Close())
	}
	return i, nil
}

func (i *Instance) start(names string) error {
	_, err := i.call(fnInit)
	if err != nil {
		return err
	}
	if i.api, err = i.call(fnNew); err != nil {
		return err
	}
	folder, err := i.put([]byte("/\x00"))
	if err != nil {
		return err
	}
	languages, err := i.put([]byte(names + "\x00"))
	if err != nil {
		return err
	}
	const onlyLSTM = 1 // all that this build has
	code, err := i.call(fnStart, i.api, folder, languages, onlyLSTM)
	if err != nil {
		return err
	}
	if api.DecodeI32(code) != 0 {
		return errors.New("the languages' data cannot be used")
	}
	const wholePage = 3 // columns and blocks of any kind are found; the library's own default takes the page for one block
	_, err = i.call(fnMode, i.api, wholePage)
	return err
}

// Close frees the instance.
func (i *Instance) Close() error { return i.module.Close(i.ctx) }

// Result is what was read from a page.
type Result struct {
	Text       string // lines end with "\n", paragraphs with two
	Confidence int    // mean over the words, from 0 to 100
}

// Read reads a page. Resolution is pixels per inch; 0 leaves it to be guessed.
func (i *Instance) Read(page *image.Gray, resolution int) (Result, error) {
	result, err := i.read(page, resolution)
	if i.host.starved { // it goes on without memory and finds nothing
		return Result{}, ErrMemory
	}
	return result, err
}

func (i *Instance) read(page *image.Gray, resolution int) (Result, error) {
	width, height := page.Rect.Dx(), page.Rect.Dy()
	if width == 0 || height == 0 {
		return Result{}, nil
	}
	pixels, err := i.put(page.Pix)
	if err != nil {
		return Result{}, err
	}
	const bytesPerPixel, asItIs, unturned = 1, 1, 0
	steps := []func() error{
		i.step(fnImage, i.api, pixels, uint64(width), uint64(height), bytesPerPixel, uint64(page.Stride), asItIs, unturned),
		i.step(fnFree, pixels),
	}
	if resolution > 0 {
		steps = append(steps, i.step(fnResolution, i.api, uint64(resolution)))
	}
	for _, step := range append(steps, i.step(fnRecognize, i.api, 0)) {
		if err := step(); err != nil {
			return Result{}, err
		}
	}
	at, err := i.call(fnText, i.api)
	if err != nil || at == 0 {
		return Result{}, err
	}
	const mostText = 16 << 20
	result := Result{Text: text(i.module, api.DecodeU32(at), mostText)}
	confidence, err := i.call(fnConfidence, i.api)
	result.Confidence = int(api.DecodeI32(confidence))
	return result, errors.Join(err, i.step(fnFree, at)(), i.step(fnClear, i.api)())
}

// put copies bytes into the engine's memory and returns their address.
func (i *Instance) put(b []byte) (uint64, error) {
	at, err := i.call(fnMalloc, uint64(len(b)))
	if err != nil {
		return 0, err
	}
	if at == 0 || !i.module.Memory().Write(api.DecodeU32(at), b) {
		return 0, ErrMemory
	}
	return at, nil
}

func (i *Instance) step(name string, args ...uint64) func() error {
	return func() error {
		_, err := i.call(name, args...)
		return err
	}
}

func (i *Instance) call(name string, args ...uint64) (uint64, error) {
	results, err := i.module.ExportedFunction(name).Call(i.ctx, args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[0], nil
}
