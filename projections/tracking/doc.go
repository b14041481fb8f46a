// Package tracking answers questions about single messages, in the queue or long gone, from the journal: which messages are
// meant by a search, and what happened to one of them. An Index beside the journal makes it quick: for each stretch of the
// history a segment with a column of what searches ask (sender, recipients, subject, Message-ID, client), where each message
// and its connection began and ended, where it is spoken of long after it came, where hosts went down and up, and where what
// holds for all mail was changed. Segments are a cache in files of their own. They are written behind the durable mark, and
// what is missing or damaged is made again from the journal; without them every answer is the same, only later.
package tracking
