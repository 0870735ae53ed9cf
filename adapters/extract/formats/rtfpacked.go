package formats

import "encoding/binary"

// packedDictionary is what the window of compressed rich text holds at first (MS-OXRTFCP 2.1.3.1).
const packedDictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript " +
	"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// inflateRTF unpacks the rich text of a message (MS-OXRTFCP): an LZ77 with a window of 4096 bytes. Damaged input gives what
// came before the damage.
func inflateRTF(data []byte, most int64) []byte {
	const header, stored, packed = 16, 0x414c454d, 0x75465a4c
	if len(data) < header {
		return nil
	}
	size := min(int64(binary.LittleEndian.Uint32(data[4:])), most)
	kind := binary.LittleEndian.Uint32(data[8:])
	data = data[header:]
	switch kind {
	case stored:
		return data[:min(int64(len(data)), size)]
	case packed:
	default:
		return nil
	}
	var window [4096]byte
	at := copy(window[:], packedDictionary)
	var out []byte
	put := func(c byte) {
		out = append(out, c)
		window[at%len(window)] = c
		at++
	}
	for len(data) > 0 && int64(len(out)) < size {
		flags := data[0]
		data = data[1:]
		for bit := 0; bit < 8 && len(data) > 0; bit++ {
			if flags>>bit&1 == 0 {
				put(data[0])
				data = data[1:]
				continue
			}
			if len(data) < 2 {
				return out
			}
			reference := int(binary.BigEndian.Uint16(data))
			data = data[2:]
			from, length := reference>>4, reference&15+2
			if from == at%len(window) {
				return out // the end
			}
			for i := range length {
				put(window[(from+i)%len(window)])
			}
		}
	}
	return out[:min(int64(len(out)), size)]
}
