package formatstest

import (
	"bytes"
	_ "embed"
	"encoding/binary"
)

// heicLetter is Picture(1240, 400, letter) in colour, packed by libheif's heif-enc 1.15.1 with -q 50 -p chroma=420, as phones do: no
// encoder is at hand in Go.
//
//go:embed letter.heic
var heicLetter []byte

// HEICText is the text on the picture of HEIC.
const HEICText = "Dear Madam or Sir,\nyour order number 4711 has been sent today.\nThe total is due within 14 days."

// HEIC returns a picture of HEICText, 1240 by 400 pixels, whose file says that it is to be turned counter-clockwise by that many quarters
// of a circle before it is seen (ISO/IEC 23008-12, 6.5.10).
func HEIC(quarters byte) []byte {
	data := bytes.Clone(heicLetter)
	if quarters == 0 {
		return data
	}
	box := func(name string) int { return bytes.Index(data, []byte(name)) - 4 } // where its length is
	grow := func(at int, by uint32) {
		binary.BigEndian.PutUint32(data[at:], binary.BigEndian.Uint32(data[at:])+by)
	}
	insert := func(at int, b []byte) {
		data = append(data[:at:at], append(bytes.Clone(b), data[at:]...)...)
	}
	const fourth = 4 // the property's number: there are three
	turn := append([]byte("\x00\x00\x00\x09irot"), quarters)
	payload := binary.BigEndian.AppendUint32(nil, uint32(box("mdat")+8))
	grow(box("iloc")+bytes.Index(data[box("iloc"):], payload), uint32(len(turn)+1))
	for _, name := range []string{"meta", "iprp"} {
		grow(box(name), uint32(len(turn)+1))
	}
	properties := box("ipco")
	end := properties + int(binary.BigEndian.Uint32(data[properties:]))
	grow(properties, uint32(len(turn)))
	insert(end, turn)
	links := box("ipma") // behind its head, the number of pictures and the picture's own, how many properties that has
	length := int(binary.BigEndian.Uint32(data[links:]))
	data[links+18]++
	grow(links, 1)
	insert(links+length, []byte{0x80 | fourth})
	return data
}

// HEICGrid returns a picture of twice HEICText, one below the other, 1240 by 800 pixels, put together of two tiles as phones do it: the
// picture is a grid, derived from pictures that are not shown (ISO/IEC 23008-12, 6.6.2.3).
func HEICGrid() []byte {
	box := func(name string, content ...[]byte) []byte {
		all := bytes.Join(content, nil)
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(all))), name...), all...)
	}
	full := func(name string, version byte, content ...[]byte) []byte {
		return box(name, append([][]byte{{version, 0, 0, 0}}, content...)...)
	}
	u16 := func(values ...uint16) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint16(b, v)
		}
		return b
	}
	u32 := func(values ...uint32) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	part := func(name string) []byte { // of the one picture's file, with its head
		at := bytes.Index(heicLetter, []byte(name)) - 4
		return heicLetter[at : at+int(binary.BigEndian.Uint32(heicLetter[at:]))]
	}
	const grid, first, second = 1, 2, 3 // items
	const width, height = 1240, 400
	tile := part("mdat")[8:]
	const rows, columns = 2, 1
	layout := append([]byte{0, 0, rows - 1, columns - 1}, u16(columns*width, rows*height)...) // version, flags, less one of each, size
	item := func(id uint16, kind string, flags byte) []byte {
		entry := full("infe", 2, u16(id, 0), []byte(kind), []byte{0})
		entry[11] = flags
		return entry
	}
	const hidden = 1
	meta := func(data uint32) []byte {
		one, place := uint32(len(tile)), func(id uint16, at, length uint32) []byte { return append(u16(id, 0, 1), u32(at, length)...) }
		return full("meta", 0,
			part("hdlr"),
			full("pitm", 0, u16(grid)),
			full("iloc", 0, []byte{0x44, 0}, u16(3), // offsets and lengths of four bytes; item, from this file, one extent
				place(first, data, one), place(second, data, one), place(grid, data+one, uint32(len(layout)))),
			full("iinf", 0, u16(3), item(grid, "grid", 0), item(first, "hvc1", hidden), item(second, "hvc1", hidden)),
			full("iref", 0, box("dimg", u16(grid, 2, first, second))),
			box("iprp",
				box("ipco", part("hvcC"), part("ispe"), part("pixi"), full("ispe", 0, u32(columns*width, rows*height))),
				full("ipma", 0, u32(3), // which properties belong to which item; the decoder's setup is essential
					u16(grid), []byte{2, 4, 3}, u16(first), []byte{3, 0x81, 2, 3}, u16(second), []byte{3, 0x81, 2, 3})))
	}
	head := part("ftyp")
	return bytes.Join([][]byte{head, meta(uint32(len(head) + len(meta(0)) + 8)), box("mdat", tile, layout)}, nil)
}
