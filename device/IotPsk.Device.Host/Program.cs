return IotPsk.Device.Host.HostCommand.Run(args, Console.Out, Console.Error);
