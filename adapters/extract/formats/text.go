package formats

// readText reads plain text in any charset. Markdown, CSV, JSON, XML, calendars and addresses are text to a reader: what people
// search for is in them as they stand.
func readText(_ *Reader, data []byte, out *page) error {
	return out.write(decode(data, ""))
}
