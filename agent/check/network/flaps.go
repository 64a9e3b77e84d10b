package network

import "time"

// A history is how the carrier of one link changed of late. It is a value: after returns the next one.
type history struct {
	marks []mark // the first may be older than the window: what was counted before it
}

// A mark is the kernel's count at a moment at which it was new.
type mark struct {
	at    time.Time
	count uint32
}

// maxMarks bounds a history: ten looks a second follow events, for a window of a minute.
const maxMarks = 600

// after is the history with one more look. The kernel counts for us what happens between two of them.
func (h history) after(s seenLink, now time.Time, window time.Duration) history {
	if s.gone {
		return h.since(now.Add(-window))
	}
	count, n := s.link.Changes, len(h.marks)
	if n > 0 && count < h.marks[n-1].count { // the link was made anew, and counts from 0
		h.marks, n = nil, 0
	}
	if n == 0 || h.marks[n-1].count != count {
		h.marks = append(h.marks[:n:n], mark{now, count})
	}
	return h.since(now.Add(-window))
}

// since forgets marks before the last one that is older than a moment.
func (h history) since(when time.Time) history {
	for len(h.marks) > 1 && (!h.marks[1].at.After(when) || len(h.marks) > maxMarks) {
		h.marks = h.marks[1:]
	}
	return h
}

// changes within the window.
func (h history) changes() uint32 {
	if len(h.marks) == 0 {
		return 0
	}
	return h.marks[len(h.marks)-1].count - h.marks[0].count
}
