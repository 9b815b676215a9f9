return IotPsk.Gateway.Cli.CommandLine.Run(args, Console.Out, Console.Error, Console.IsOutputRedirected);
