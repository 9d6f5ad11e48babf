/* The functions of NVIDIA's libraries that libtorch_cpu.so refers to, for its profiler. Here they
   all fail, but they are there: GNU ld does not link against a library that lacks one. */

#define FAILS(name) int name(void) { return 999; } /* "unknown error" in both libraries */

FAILS(cudaDeviceSynchronize)
FAILS(cudaDriverGetVersion)
FAILS(cudaGetDeviceCount)
FAILS(cudaGetDeviceProperties)
FAILS(cudaRuntimeGetVersion)
const char *cudaGetErrorString(int error) { (void)error; return "this libtorch has no CUDA"; }

FAILS(cuptiActivityDisable)
FAILS(cuptiActivityEnable)
FAILS(cuptiActivityEnableCudaEventDeviceTimestamps)
FAILS(cuptiActivityEnableDriverApi)
FAILS(cuptiActivityEnableRuntimeApi)
FAILS(cuptiActivityFlushAll)
FAILS(cuptiActivityGetNextRecord)
FAILS(cuptiActivityGetNumDroppedRecords)
FAILS(cuptiActivityPopExternalCorrelationId)
FAILS(cuptiActivityPushExternalCorrelationId)
FAILS(cuptiActivityRegisterCallbacks)
FAILS(cuptiActivityRegisterTimestampCallback)
FAILS(cuptiActivitySetAttribute)
FAILS(cuptiEnableCallback)
FAILS(cuptiEnableDomain)
FAILS(cuptiFinalize)
FAILS(cuptiGetResultString)
FAILS(cuptiGetVersion)
FAILS(cuptiSubscribe)
FAILS(cuptiUnsubscribe)
