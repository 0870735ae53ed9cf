package extract

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Exit codes of a child.
const (
	exitDone     = 0
	exitProtocol = 3  // the other side is not a parent of this version
	exitMemory   = 86 // the document needed more memory than a child may have
	exitCPU      = 87 // the document needed more processor time than a child may have
	exitProgram  = 88 // a program of the system could not be started as it should be
)

// maxStack ends a parser that recurses for ever, long before the runtime's own limit of 1 GB, which takes many seconds to fill.
const maxStack = 64 << 20

// Main is the child's whole life: it reads documents from standard input until that ends. The program calls it when its first
// argument is WorkerCommand, before it reads any configuration, and exits with the code it returns.
// Types names the files inside documents, such as a message's attachments.
func Main(types ports.TypeDetector) int {
	if len(os.Args) > 2 {
		return become(os.Args[2:], slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	}
	out := os.Stdout
	os.Stdout = os.Stderr // a library that prints must not speak for us
	return serve(os.Stdin, out, os.Stderr, func(h hello, w *worker) documentReader {
		r := formats.New(h.Limits, h.Setup, types, w.log)
		r.Alive = w.alive
		if h.Setup.Native {
			r.Look = w.look
		}
		return r
	})
}

// documentReader is what package formats does, replaced in tests by one that hangs and crashes.
type documentReader interface {
	Read(contentType string, data []byte) (formats.Result, error)
	Warm(engines formats.Engines) error
	Close() error
}

func serve(in io.Reader, out, logs io.Writer, open func(h hello, w *worker) documentReader) int {
	// The parent decides when a child ends. A signal to the whole group (Ctrl-C, a service manager) must not make the
	// document that is just being read look like one that crashes its parser.
	signal.Ignore(endingSignals()...)
	log := slog.New(slog.NewJSONHandler(logs, nil))
	w := worker{in: bufio.NewReaderSize(in, chunkSize), out: bufio.NewWriterSize(out, chunkSize), log: log}
	var h hello
	if err := readMessage(w.in, &h); err != nil || h.Magic != magic {
		log.Error("not started by a parent of this version", "err", err)
		return exitProtocol
	}
	debug.SetMaxStack(maxStack)
	w.reader = open(h, &w)
	code := w.run(h)
	if err := w.reader.Close(); err != nil {
		log.Error("closing the reader failed", "err", err)
	}
	return code
}

type worker struct {
	in       *bufio.Reader
	out      *bufio.Writer
	log      *slog.Logger
	reader   documentReader
	maxInput int64
	memory   *memoryWatch
}

func (w *worker) run(h hello) int {
	// What needs files and makes code comes first, while there is no document: after that neither is possible.
	if err := w.reader.Warm(h.Engines); err != nil {
		w.log.Error("loading the engines failed", "err", err)
		return exitProtocol
	}
	endOnCPULimit()
	layers := confine(h, w.log)
	w.maxInput, w.memory = h.MaxInput, watchMemory(h.Memory)
	if err := writeMessage(w.out, ready{Magic: magic, Layers: layers}); err != nil {
		return exitProtocol
	}
	if err := w.out.Flush(); err != nil {
		return exitProtocol
	}
	for {
		err := w.document()
		switch {
		case errors.Is(err, io.EOF): // the parent wants no more
			return exitDone
		case err != nil:
			w.log.Error("talking to the parent failed", "err", err)
			return exitProtocol
		}
	}
}

// document reads one document and answers. io.EOF means that there is no further one.
func (w *worker) document() error {
	var req request
	if err := readMessage(w.in, &req); err != nil {
		return err
	}
	data, whole, err := w.receive(req.Size)
	if err != nil {
		return fmt.Errorf("receive a document: %w", noEOF(err))
	}
	if !whole {
		return nil
	}
	w.memory.start()
	result, err := w.reader.Read(req.ContentType, data)
	w.memory.stop()
	answer := reply{
		Truncated: result.Truncated, Pages: result.Pages, About: result.About,
		Text: len(result.Text), Thumbnail: len(result.Thumbnail), Starts: len(result.Starts),
	}
	if err != nil {
		answer, result = failure(err), formats.Result{}
	}
	if err := writeMessage(w.out, answer); err != nil {
		return noEOF(err)
	}
	// The writer keeps its first error for Flush.
	_, _ = w.out.WriteString(result.Text)
	_, _ = w.out.Write(result.Thumbnail)
	for _, start := range result.Starts {
		_ = writeLength(w.out, uint32(start))
	}
	return noEOF(w.out.Flush())
}

// alive tells the parent that a document of many pictures is still being read. An end of the parent shows when the answer is sent.
func (w *worker) alive() {
	if err := writeMessage(w.out, reply{Alive: true}); err == nil {
		_ = w.out.Flush()
	}
}

// look has the parent read a picture: it may start a program, which nothing here can.
func (w *worker) look(picture *image.Gray, resolution int) (ocr.Result, error) {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	if err := writeMessage(w.out, reply{Look: &look{Width: width, Height: height, Resolution: resolution}}); err != nil {
		return ocr.Result{}, err
	}
	for y := range height { // the writer keeps its first error for Flush
		_, _ = w.out.Write(picture.Pix[y*picture.Stride:][:width])
	}
	if err := w.out.Flush(); err != nil {
		return ocr.Result{}, err
	}
	var seen sight
	if err := readMessage(w.in, &seen); err != nil {
		return ocr.Result{}, noEOF(err)
	}
	switch seen.Reason {
	case "":
	case ports.ReasonTooComplex:
		return ocr.Result{}, ocr.ErrMemory
	default:
		return ocr.Result{}, errors.New("the native Tesseract failed")
	}
	text := make([]byte, seen.Text)
	_, err := io.ReadFull(w.in, text)
	return ocr.Result{Text: string(text), Confidence: seen.Confidence}, noEOF(err)
}

// receive takes a document's chunks, and reports whether it was sent to its end.
func (w *worker) receive(size int64) (data []byte, whole bool, err error) {
	data = make([]byte, 0, max(0, min(size, w.maxInput)))
	for {
		n, err := readLength(w.in)
		switch {
		case err != nil:
			return nil, false, err
		case n == 0:
			return data, true, nil
		case n == abandoned:
			return nil, false, nil
		case int64(len(data))+int64(n) > w.maxInput:
			return nil, false, errors.New("the document is larger than agreed")
		}
		start := len(data)
		data = grow(data, int(n))
		if _, err := io.ReadFull(w.in, data[start:]); err != nil {
			return nil, false, err
		}
	}
}

// grow makes data n bytes longer, at least doubling what it has to move.
func grow(data []byte, n int) []byte {
	if need := len(data) + n; need > cap(data) {
		bigger := make([]byte, len(data), max(need, 2*cap(data)))
		copy(bigger, data)
		data = bigger
	}
	return data[:len(data)+n]
}

func failure(err error) reply {
	var e *domain.Error
	if !errors.As(err, &e) || e.Code != domain.Unreadable {
		return reply{Fault: cut(err.Error()), Last: true}
	}
	answer := reply{Reason: e.Reason, Message: cut(e.Message), Last: e.Reason == crashed}
	if e.Err != nil {
		answer.Cause = cut(e.Err.Error())
	}
	return answer
}

// cut keeps messages short: some errors quote their input.
func cut(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most]
	}
	return s
}

// noEOF keeps the end of the parent in the middle of something from looking like an orderly end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
