#if NANOFRAMEWORK_1_0
using System.Reflection;

// The version of the native side that belongs to these declarations; the firmware registers it with its method table.
[assembly: AssemblyNativeVersion("100.0.0.1")]
#endif
