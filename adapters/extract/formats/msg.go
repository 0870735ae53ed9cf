package formats

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/richardlehane/mscfb"

	"github.com/docuvault/docuvault/ports"
)

// readMSG reads a message as Outlook stores it (MS-OXMSG, in a compound file MS-CFB): what readMail reads of one.
func readMSG(r *Reader, data []byte, out *page) error {
	file, err := openCompound(r, data, out)
	if err != nil {
		return err
	}
	return file.message(nil)
}

// Property ids and types (MS-OXPROPS).
const (
	propSubject     = "0037"
	propSender      = "0C1A"
	propSenderMail  = "0C1F"
	propSenderSMTP  = "5D01"
	propTo          = "0E04"
	propCc          = "0E03"
	propBody        = "1000"
	propHTML        = "1013"
	propRTF         = "1009"
	propAttachData  = "3701"
	propAttachShort = "3704"
	propAttachLong  = "3707"
	propTitle       = "3001"

	tagSubmitted = 0x00390040
	tagDelivered = 0x0E060040
	tagCreated   = 0x30070040
	tagCodePage  = 0x3FFD0003
	tagInternet  = 0x3FDE0003
)

// compound is a file of named streams. Only the streams that are asked for are read, under the document's budget.
type compound struct {
	reader  *Reader
	out     *page
	streams map[string]*mscfb.File // by path, "/" between the names
	folders []string               // that hold streams, sorted
}

func openCompound(r *Reader, data []byte, out *page) (*compound, error) {
	doc, err := mscfb.New(bytes.NewReader(data))
	if err != nil {
		return nil, corrupt("the file is damaged: its streams cannot be found", err)
	}
	c := &compound{reader: r, out: out, streams: map[string]*mscfb.File{}}
	seen := map[string]bool{}
	for f, err := doc.Next(); !errors.Is(err, io.EOF); f, err = doc.Next() {
		if err != nil {
			break // what was found until then is read
		}
		if len(c.streams) >= r.limits.MaxEntries {
			return nil, unreadable(ports.ReasonTooComplex, "the file has more than %d streams", r.limits.MaxEntries)
		}
		name := strings.Join(append(slices.Clone(f.Path), f.Name), "/")
		if _, twice := c.streams[name]; !twice {
			c.streams[name] = f
		}
		if folder := strings.Join(f.Path, "/"); !seen[folder] {
			seen[folder] = true
			c.folders = append(c.folders, folder)
		}
	}
	slices.Sort(c.folders)
	return c, nil
}

// stream returns a stream's bytes, nil if there is none or it is damaged.
func (c *compound) stream(path ...string) []byte {
	f, ok := c.streams[strings.Join(path, "/")]
	if !ok || f.Size <= 0 || f.Size > min(c.reader.limits.MaxPart, c.out.inflate) {
		if ok && f.Size > 0 {
			c.out.omitted = true
		}
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(f, f.Size))
	c.out.inflate -= int64(len(b))
	if err != nil {
		return nil
	}
	return b
}

// text returns a property that is a string, in either of the two forms it may have.
func (c *compound) text(at []string, id string, page int) string {
	if b := c.stream(append(slices.Clone(at), stream+id+"001F")...); len(b) > 1 {
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
		return strings.TrimRight(string(utf16.Decode(units)), "\x00")
	}
	b := bytes.TrimRight(c.stream(append(slices.Clone(at), stream+id+"001E")...), "\x00")
	if page != 0 {
		return decodePage(page, b)
	}
	return decode(b, "")
}

const (
	stream     = "__substg1.0_"
	properties = "__properties_version1.0"
	attachment = "__attach_version1.0_"
)

// message reads the message whose streams lie at that path: the file's own, or one that is attached to it.
func (c *compound) message(at []string) error {
	fixed := c.fixed(at)
	page := int(cmp.Or(fixed[tagCodePage], fixed[tagInternet]))
	subject, sender := c.text(at, propSubject, page), c.text(at, propSender, page)
	address := cmp.Or(c.text(at, propSenderSMTP, page), c.text(at, propSenderMail, page))
	if strings.Contains(address, "@") && address != sender {
		sender = strings.TrimSpace(sender + " <" + address + ">")
	}
	sent := fileTime(cmp.Or(fixed[tagSubmitted], fixed[tagDelivered], fixed[tagCreated]))
	body := c.text(at, propBody, page)
	if len(at) == 0 && subject == "" && body == "" && sender == "" && len(fixed) == 0 {
		return corrupt("the file is damaged: there is no message in it", nil)
	}
	c.out.describe(About{Title: subject, Author: sender, Created: sent})
	c.out.breakLine()
	lines := lineWriter{out: c.out}
	for _, field := range []struct{ name, value string }{
		{"Subject", subject}, {"From", sender}, {"To", c.text(at, propTo, page)}, {"Cc", c.text(at, propCc, page)}, {"Date", written(sent)},
	} {
		if field.value == "" {
			continue
		}
		if err := lines.text([]byte(field.name+": "+field.value), false); err != nil {
			return err
		}
		lines.breakLine()
	}
	if err := c.body(at, body, &lines); err != nil {
		return err
	}
	return c.attachments(at, page)
}

// body writes the message's text: the plain one, else what the HTML or the rich text shows.
func (c *compound) body(at []string, plain string, lines *lineWriter) error {
	if strings.TrimSpace(plain) != "" {
		return lines.text([]byte(strings.TrimRight(plain, " \r\n")), true)
	}
	if html := c.stream(append(slices.Clone(at), stream+propHTML+"0102")...); len(html) > 0 {
		c.out.breakLine()
		var about About
		return readMarkup(html, c.out, &about)
	}
	packed := c.stream(append(slices.Clone(at), stream+propRTF+"0102")...)
	unpacked := inflateRTF(packed, c.reader.limits.MaxPart)
	if len(unpacked) == 0 {
		return nil
	}
	p := newRTF(unpacked, c.reader.limits.MaxDepth, c.out)
	return c.out.forgive(p.run())
}

func (c *compound) attachments(at []string, page int) error {
	prefix := strings.Join(append(slices.Clone(at), attachment), "/")
	for _, folder := range c.folders {
		if !strings.HasPrefix(folder, prefix) || strings.Contains(folder[len(prefix):], "/") {
			continue
		}
		path := strings.Split(folder, "/")
		name := cmp.Or(c.text(path, propAttachLong, page), c.text(path, propAttachShort, page), c.text(path, propTitle, page), "attachment")
		if data := c.stream(append(slices.Clone(path), stream+propAttachData+"0102")...); data != nil {
			if err := c.reader.nested(name, data, c.out); err != nil {
				return err
			}
			continue
		}
		if err := c.attached(append(path, stream+propAttachData+"000D")); err != nil {
			return err
		}
	}
	return nil
}

// attached reads a message that was attached as such: its streams lie in the same file.
func (c *compound) attached(at []string) error {
	if _, ok := slices.BinarySearch(c.folders, strings.Join(at, "/")); !ok {
		return nil
	}
	if c.out.nesting >= c.reader.limits.MaxNesting || !c.out.enter() {
		c.out.omitted = true
		return nil
	}
	c.out.nesting++
	err := c.message(at)
	c.out.nesting--
	return c.out.forgive(err)
}

// fixed reads the properties of fixed length (MS-OXMSG 2.4): entries of 16 bytes after a header whose length depends on where
// the message is.
func (c *compound) fixed(at []string) map[uint32]uint64 {
	b := c.stream(append(slices.Clone(at), properties)...)
	header := 32
	if len(at) > 0 {
		header = 24
	}
	values := map[uint32]uint64{}
	for i := header; i+16 <= len(b) && len(values) < 10_000; i += 16 {
		values[binary.LittleEndian.Uint32(b[i:])] = binary.LittleEndian.Uint64(b[i+8:])
	}
	return values
}

// fileTime is Windows' time: steps of 100 ns since 1601.
func fileTime(steps uint64) time.Time {
	const to1970 = 116444736000000000
	if steps < to1970 || steps > 1<<62 {
		return time.Time{}
	}
	steps -= to1970
	return time.Unix(int64(steps/1e7), int64(steps%1e7)*100).UTC()
}

func written(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC1123Z)
}
