// An assembly function with a large frame is called in a loop while the profiler takes
// samples. The profile is written to a file beside the program.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

func victim()

func main() {
	file, err := os.Create("profile")
	if err != nil {
		panic(err)
	}
	// More samples in the same time. The profiler says on standard error that it would
	// rather choose itself.
	runtime.SetCPUProfileRate(1000)
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	calls := 0
	for start := time.Now(); time.Since(start) < collections*time.Millisecond; {
		calls += loop()
	}
	pprof.StopCPUProfile()
	println("calls", calls, "collections", 0)
}

//go:noinline
func loop() int {
	const calls = 10000
	for n := 0; n < calls; n++ {
		victim()
	}
	return calls
}
