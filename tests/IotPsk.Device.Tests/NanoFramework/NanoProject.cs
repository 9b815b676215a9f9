using System.Text;
using IotPsk.TestSupport;

namespace IotPsk.Device.Tests.NanoFramework;

/// <summary>A .nfproj over the sources of a project that .NET builds too: its text follows from the folder and from what the code uses.</summary>
/// <param name="Folder">The folder, from the root of the source tree.</param>
/// <param name="Guid">Its id in the solution.</param>
/// <param name="IsProgram">Whether it is the application.</param>
/// <param name="References">The projects it needs.</param>
/// <param name="Assemblies">The assemblies of the runtime that its code uses.</param>
internal sealed record NanoProject(string Folder, string Guid, bool IsProgram, string[] References, string[] Assemblies)
{
    /// <summary>Lowest first.</summary>
    internal static readonly NanoProject[] All =
    [
        new("shared/IotPsk.Shared", "6A3F0D53-5C0E-4F0B-9D6F-2F0C8B1D7A01", false, [], ["mscorlib", "nanoFramework.System.Text"]),
        new("device/IotPsk.Device.Native", "6A3F0D53-5C0E-4F0B-9D6F-2F0C8B1D7A02", false, [], ["mscorlib"]),
        new("device/IotPsk.Device", "6A3F0D53-5C0E-4F0B-9D6F-2F0C8B1D7A03", false, ["shared/IotPsk.Shared", "device/IotPsk.Device.Native"],
            ["mscorlib", "nanoFramework.Runtime.Native", "nanoFramework.System.Collections", "nanoFramework.System.Text", "System.IO.FileSystem", "System.IO.Streams", "System.Net", "System.Threading"]),
        new("device/IotPsk.Device.App", "6A3F0D53-5C0E-4F0B-9D6F-2F0C8B1D7A04", true, ["shared/IotPsk.Shared", "device/IotPsk.Device.Native", "device/IotPsk.Device"],
            ["mscorlib", "nanoFramework.Hardware.Esp32", "nanoFramework.Runtime.Native", "nanoFramework.System.Text", "System.Device.I2c", "System.Device.Wifi", "System.IO.FileSystem", "System.IO.Streams", "System.Threading"]),
    ];

    internal const string Solution = "device/IotPsk.nanoFramework.sln";
    private const string CSharp = "11A8DD76-328B-46DF-9F39-F559912D0360";

    internal string Name => Path.GetFileName(Folder);

    internal string File => Path.Combine(SourceTree.Root, Folder, Name + ".nfproj");

    internal string PackagesFile => Path.Combine(SourceTree.Root, Folder, "packages.config");

    /// <summary>What the .NET project of the folder compiles, and what is for boards alone (Board/), sorted.</summary>
    internal IEnumerable<string> Sources
    {
        get
        {
            string root = Path.Combine(SourceTree.Root, Folder);
            return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(root, file))
                .Where(file => !file.StartsWith("bin/", StringComparison.Ordinal) && !file.StartsWith("obj/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal);
        }
    }

    /// <summary>The packages, those that others want included.</summary>
    internal IEnumerable<NanoPackage> Packages =>
        Assemblies.SelectMany(a => NanoPackage.Wants[a].Append(a)).SelectMany(a => NanoPackage.Wants[a].Append(a)).Distinct()
            .Select(NanoPackage.Of).OrderBy(p => p.Id, StringComparer.Ordinal);

    internal string Text()
    {
        // Back slashes: it is Visual Studio's project system that reads this.
        string up = string.Concat(Enumerable.Repeat(@"..\", Folder.Count(c => c == '/') + 1));
        var text = new StringBuilder("""
            <?xml version="1.0" encoding="utf-8"?>
            <Project ToolsVersion="Current" DefaultTargets="Build" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
              <PropertyGroup Label="Globals">
                <NanoFrameworkProjectSystemPath>$(MSBuildExtensionsPath)\nanoFramework\v1.0\</NanoFrameworkProjectSystemPath>
              </PropertyGroup>
              <Import Project="$(NanoFrameworkProjectSystemPath)NFProjectSystem.Default.props" Condition="Exists('$(NanoFrameworkProjectSystemPath)NFProjectSystem.Default.props')" />
              <PropertyGroup>
                <Configuration Condition=" '$(Configuration)' == '' ">Debug</Configuration>
                <Platform Condition=" '$(Platform)' == '' ">AnyCPU</Platform>

            """.Replace("\r", "", StringComparison.Ordinal));
        text.Append("    <ProjectTypeGuids>{").Append(CSharp).Append("};{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}</ProjectTypeGuids>\n");
        Element("ProjectGuid", Guid);
        Element("OutputType", IsProgram ? "Exe" : "Library");
        Element("RootNamespace", Name);
        Element("AssemblyName", Name);
        Element("TargetFrameworkVersion", "v1.0");
        // A newer C# puts types of its own into an assembly, which would shift the natives in their table.
        Element("LangVersion", "9.0");
        Element("DefineConstants", "$(DefineConstants);NANOFRAMEWORK_1_0");
        text.Append("  </PropertyGroup>\n  <Import Project=\"$(NanoFrameworkProjectSystemPath)NFProjectSystem.props\" Condition=\"Exists('$(NanoFrameworkProjectSystemPath)NFProjectSystem.props')\" />\n  <ItemGroup>\n");
        foreach (string source in Sources)
            text.Append("    <Compile Include=\"").Append(source.Replace('/', '\\')).Append("\" />\n");
        text.Append("  </ItemGroup>\n  <ItemGroup>\n    <None Include=\"packages.config\" />\n  </ItemGroup>\n  <ItemGroup>\n");
        foreach (NanoPackage package in Packages)
        {
            text.Append("    <Reference Include=\"").Append(package.Assembly).Append("\">\n      <HintPath>").Append(up).Append(@"device\packages\").Append(package.Id).Append('.')
                .Append(package.Version).Append(@"\lib\").Append(package.Assembly).Append(".dll</HintPath>\n    </Reference>\n");
        }
        text.Append("  </ItemGroup>\n");
        if (References.Length > 0)
        {
            text.Append("  <ItemGroup>\n");
            foreach (string reference in References)
                text.Append("    <ProjectReference Include=\"").Append(up).Append(reference.Replace('/', '\\')).Append('\\').Append(Path.GetFileName(reference)).Append(".nfproj\" />\n");
            text.Append("  </ItemGroup>\n");
        }
        return text.Append("""
              <Import Project="$(NanoFrameworkProjectSystemPath)NFProjectSystem.CSharp.targets" Condition="Exists('$(NanoFrameworkProjectSystemPath)NFProjectSystem.CSharp.targets')" />
              <ProjectExtensions>
                <ProjectCapabilities>
                  <ProjectConfigurationsDeclaredAsItems />
                </ProjectCapabilities>
              </ProjectExtensions>
            </Project>

            """).ToString();

        void Element(string name, string value) => text.Append("    <").Append(name).Append('>').Append(value).Append("</").Append(name).Append(">\n");
    }

    internal string PackagesText()
    {
        var text = new StringBuilder("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<packages>\n");
        foreach (NanoPackage package in Packages)
            text.Append("  <package id=\"").Append(package.Id).Append("\" version=\"").Append(package.Version).Append("\" targetFramework=\"netnano1.0\" />\n");
        return text.Append("</packages>\n").ToString();
    }

    internal static string SolutionText()
    {
        var text = new StringBuilder("Microsoft Visual Studio Solution File, Format Version 12.00\n# Visual Studio Version 17\nMinimumVisualStudioVersion = 10.0.40219.1\n");
        foreach (NanoProject project in All)
        {
            string path = (project.Folder.StartsWith("device/", StringComparison.Ordinal) ? project.Folder["device/".Length..] : "../" + project.Folder).Replace('/', '\\');
            text.Append("Project(\"{").Append(CSharp).Append("}\") = \"").Append(project.Name).Append("\", \"").Append(path).Append('\\').Append(project.Name)
                .Append(".nfproj\", \"{").Append(project.Guid).Append("}\"\nEndProject\n");
        }
        text.Append("Global\n\tGlobalSection(SolutionConfigurationPlatforms) = preSolution\n\t\tDebug|Any CPU = Debug|Any CPU\n\t\tRelease|Any CPU = Release|Any CPU\n\tEndGlobalSection\n\tGlobalSection(ProjectConfigurationPlatforms) = postSolution\n");
        foreach (NanoProject project in All)
        {
            foreach (string configuration in new[] { "Debug|Any CPU", "Release|Any CPU" })
            {
                foreach (string what in new[] { "ActiveCfg", "Build.0", "Deploy.0" })
                    text.Append("\t\t{").Append(project.Guid).Append("}.").Append(configuration).Append('.').Append(what).Append(" = ").Append(configuration).Append('\n');
            }
        }
        return text.Append("\tEndGlobalSection\nEndGlobal\n").ToString();
    }
}
