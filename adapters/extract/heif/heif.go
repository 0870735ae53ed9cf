// Package heif decodes HEIC pictures (ISO/IEC 23008-12 with HEVC inside), as phones take them, by libheif as WebAssembly: there is
// nothing to install, and pictures made by strangers meet no native parser. Same bytes, same pixels.
package heif

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"image"
	"image/color"
	"path/filepath"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/docuvault/docuvault/adapters/extract/linear"
)

// Version names the decoder below, for those who keep its compiled code.
const Version = "libheif-1.18.2"

// The decoder; data/NOTICE says where it is from and data/SHA256SUMS what it is. How it lays out what it returns is no promise of its
// makers, so the code here is for these bytes alone.
//
//go:embed data/heif.wasm
var program []byte

// memoryPages is the most memory of a picture, in WebAssembly pages of 64 KiB: 512 MiB.
const memoryPages = 8192

// Errors of pictures.
var (
	ErrMemory  = errors.New("the picture needs too much memory")
	ErrPicture = errors.New("no HEIC picture, or a damaged one")
)

// Engine is the compiled decoder.
type Engine struct {
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
	memory   linear.Memory
}

// Load compiles the decoder, or takes its code from cacheDir. After that it needs no file and makes no code. An empty cacheDir means
// compiling, which takes a second or more.
func Load(ctx context.Context, cacheDir string) (*Engine, error) {
	e := &Engine{}
	// Calls are not tied to a context on purpose: that slows everything down several times. The deadline is the process's.
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(memoryPages)
	var err error
	if cacheDir != "" {
		// A cache that cannot be used costs time, not documents.
		if e.cache, err = wazero.NewCompilationCacheWithDir(filepath.Clean(cacheDir)); err == nil {
			config = config.WithCompilationCache(e.cache)
		}
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if e.compiled, err = e.runtime.CompileModule(ctx, program); err == nil {
		_, err = wasi_snapshot_preview1.Instantiate(ctx, e.runtime)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load libheif: %w", err), e.Close(ctx))
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

// Picture is one file in memory that it shares with no other.
type Picture struct {
	ctx    context.Context //nolint:containedctx // it carries the memory into the decoder's calls, and nothing that ends
	module api.Module
	data   uint64 // the address of the file
	size   int    // of the file, in bytes
	answer uint64 // the address of what is said of the picture
}

// What the decoder says of a picture, each of 4 bytes: width, height, colour space, sampling of the colours, and whether they are
// multiplied by their opacity.
const answerFields = 5

// Open makes an instance for a file, whose primary picture it shows. The caller closes it.
func (e *Engine) Open(ctx context.Context, data []byte) (*Picture, error) {
	ctx = e.memory.In(ctx)
	// It has no file, no argument and no clock but a false one, and its _initialize is what a reactor starts with.
	module, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return nil, fmt.Errorf("instantiate libheif: %w", err)
	}
	p := &Picture{ctx: ctx, module: module, size: len(data)}
	if p.data, err = p.alloc(len(data)); err == nil {
		p.answer, err = p.alloc(4 * answerFields)
	}
	if err == nil && !module.Memory().Write(api.DecodeU32(p.data), data) {
		err = ErrMemory
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close frees the picture and all that Decode returned.
func (p *Picture) Close() error { return p.module.Close(p.ctx) }

// Config returns the size of the picture as it is to be seen, without decoding it. It fails with ErrPicture.
func (p *Picture) Config() (image.Config, error) {
	l, err := p.layout()
	return image.Config{ColorModel: l.model, Width: l.width, Height: l.height}, err
}

// Decode returns the picture as it is to be seen: turned and cut as the file says. Its pixels are gone after Close. It fails with
// ErrPicture or ErrMemory.
func (p *Picture) Decode() (image.Image, error) {
	l, err := p.layout()
	if err != nil {
		return nil, err
	}
	size := l.bytes()
	if size > memoryPages<<16 {
		return nil, ErrMemory
	}
	out, err := p.alloc(size)
	if err != nil {
		return nil, err
	}
	if err := p.call(false, out); err != nil {
		return nil, err
	}
	pixels, ok := p.module.Memory().Read(api.DecodeU32(out), uint32(size))
	if !ok {
		return nil, ErrPicture
	}
	return l.image(pixels), nil
}

func (p *Picture) alloc(size int) (uint64, error) {
	results, err := p.module.ExportedFunction("malloc").Call(p.ctx, uint64(size))
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", ErrPicture, err)
	case results[0] == 0:
		return 0, ErrMemory
	}
	return results[0], nil
}

// call has the decoder look at the file, and write the picture to out unless that is to be left.
func (p *Picture) call(onlyLook bool, out uint64) error {
	look := uint64(0)
	if onlyLook {
		look = 1
	}
	a := p.answer
	results, err := p.module.ExportedFunction("decode").Call(p.ctx, p.data, uint64(p.size), look, a, a+4, a+8, a+12, a+16, out)
	switch {
	case err != nil && p.module.Memory().Size() > memoryPages<<16-mostStep:
		return ErrMemory // it has no other way to say so than to end
	case err != nil:
		return fmt.Errorf("%w: %w", ErrPicture, err)
	case results[0] == 0:
		return ErrPicture
	}
	return nil
}

// mostStep is how far from its limit the memory may be when a piece of the largest picture does not fit any more.
const mostStep = 256 << 20

// layout is how the decoder lays out a picture.
type layout struct {
	width, height int
	model         color.Model
	sampling      image.YCbCrSubsampleRatio
}

// The colour spaces and samplings that the decoder names (libheif/heif.h).
const (
	spaceYCbCr, spaceRGB, spaceGray       = 0, 1, 2
	sampling420, sampling422, sampling444 = 1, 2, 3
)

func (p *Picture) layout() (layout, error) {
	if err := p.call(true, 0); err != nil {
		return layout{}, err
	}
	var fields [answerFields]uint32
	for i := range fields {
		var ok bool
		if fields[i], ok = p.module.Memory().ReadUint32Le(api.DecodeU32(p.answer) + uint32(4*i)); !ok {
			return layout{}, ErrPicture
		}
	}
	const most = 1 << 16 // pixels of a side, so that nothing overflows
	if fields[0] == 0 || fields[1] == 0 || fields[0] > most || fields[1] > most {
		return layout{}, ErrPicture
	}
	l := layout{width: int(fields[0]), height: int(fields[1])}
	switch fields[2] {
	case spaceGray:
		l.model = color.GrayModel
	case spaceRGB:
		l.model = color.NRGBAModel
		if fields[4] != 0 {
			l.model = color.RGBAModel
		}
	case spaceYCbCr:
		l.model = color.YCbCrModel
		switch fields[3] {
		case sampling420:
			l.sampling = image.YCbCrSubsampleRatio420
		case sampling422:
			l.sampling = image.YCbCrSubsampleRatio422
		case sampling444:
			l.sampling = image.YCbCrSubsampleRatio444
		default:
			return layout{}, ErrPicture
		}
	default:
		return layout{}, ErrPicture
	}
	return l, nil
}

// aligned is the length of a row of so many bytes.
func aligned(bytes int) int { return (bytes + 15) &^ 15 }

// chroma is the size of each plane of colours, its rows as long as they are in memory.
func (l layout) chroma() (stride, height int) {
	stride, height = aligned(l.width), l.height
	if l.sampling != image.YCbCrSubsampleRatio444 {
		stride = aligned((l.width + 1) / 2)
	}
	if l.sampling == image.YCbCrSubsampleRatio420 {
		height = (l.height + 1) / 2
	}
	return stride, height
}

func (l layout) bytes() int {
	switch l.model {
	case color.GrayModel:
		return aligned(l.width) * l.height
	case color.YCbCrModel:
		stride, height := l.chroma()
		return aligned(l.width)*l.height + 2*stride*height
	default:
		return aligned(4*l.width) * l.height
	}
}

func (l layout) image(pixels []byte) image.Image {
	rect, stride := image.Rect(0, 0, l.width, l.height), aligned(l.width)
	switch l.model {
	case color.GrayModel:
		return &image.Gray{Pix: pixels, Stride: stride, Rect: rect}
	case color.YCbCrModel:
		chroma, height := l.chroma()
		y, cb := stride*l.height, chroma*height
		return &image.YCbCr{Y: pixels[:y], Cb: pixels[y : y+cb], Cr: pixels[y+cb:], YStride: stride, CStride: chroma, SubsampleRatio: l.sampling, Rect: rect}
	case color.RGBAModel:
		return &image.RGBA{Pix: pixels, Stride: aligned(4 * l.width), Rect: rect}
	default:
		return &image.NRGBA{Pix: pixels, Stride: aligned(4 * l.width), Rect: rect}
	}
}
