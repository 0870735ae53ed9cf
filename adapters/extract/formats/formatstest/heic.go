package formatstest

import (
	"bytes"
	_ "embed"
	"encoding/binary"
)

// heicLetter is Picture(1240, 400, letter), packed by libheif's heif-enc 1.15.1 with -q 50: no encoder is at hand in Go.
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
